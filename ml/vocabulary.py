"""The words prompts are understood by: colours, materials, styles, shape words, parts, units and categories."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from ml.substances import COLORS, SUBSTANCES


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _table(text: str) -> dict[str, str]:
    """Lines of 'canonical: alias, alias' as alias → canonical, each canonical word naming itself."""
    found = {}
    for line in text.strip().splitlines():
        canonical, _, aliases = line.strip().partition(":")
        found[canonical] = canonical
        found.update({alias.strip(): canonical for alias in aliases.split(",") if alias.strip()})
    return found


COLOR_WORDS = _table(
    "\n".join(COLORS)
    + """
    grey: gray, greyish, grayish
    red: reddish, ruby
    blue: bluish, sapphire
    green: greenish
    brown: brownish
    yellow: yellowish
    white: whitewashed, off white, snowy
    cream: creamy, eggshell
    burgundy: wine red, oxblood
    forest: forest green, hunter green, bottle green
    navy: navy blue, midnight blue
    sky: sky blue, baby blue, powder blue
    mint: mint green
    sage: sage green
    olive: olive green
    rust: rust red
    cobalt: royal blue, cobalt blue
    teal: petrol
    purple: purplish
    pink: pinkish, rose
    turquoise: turquoise blue
    black: jet black, pitch black, ebony black
    white: pure white, snow white
    charcoal: anthracite, graphite, dark gray, dark grey
    """
)
MATERIAL_WORDS = _table(
    "\n".join(sorted(set(SUBSTANCES) - {"leaves", "needles", "grass", "bread", "soil", "paint", "bark", "tile"}))
    + """
    wood: wooden, timber, woody, hardwood, softwood
    metal: metallic, metal plated
    iron: wrought iron, forged iron
    cast-iron: cast iron
    stainless-steel: stainless steel, stainless, brushed steel
    steel: damascus steel, polished steel
    aluminium: aluminum, aluminium alloy
    gold: gilded, gilt, solid gold, gold plated
    rose-gold: rose gold
    silver: sterling silver, silver plated
    rusted-iron: rusted iron
    ceramic: earthenware, glazed ceramic, pottery
    porcelain: bone china
    clay: terra cotta, terracotta clay
    leather: leathery, faux leather
    fabric: cloth, textile, tweed
    wool: woolen, woollen, felt
    glass: glassy
    crystal: crystalline, diamond
    stone: rocky, cobblestone
    marble: marbled
    brick: bricks, red brick
    plastic: polymer, vinyl, pvc
    acrylic: plexiglass, perspex
    carbon: carbon fibre, carbon fiber
    paper: papery
    bamboo: bamboo wood
    oak: oaken, oak wood
    walnut: walnut wood
    pine: pine wood
    cherry: cherry wood, cherrywood
    driftwood: reclaimed wood, weathered wood
    rattan: wicker
    bone: ivory bone, antler
    """
)
# Colour names that are first of all places and fruits: only 'forest green' and the like are colours.
for _name in ("forest", "sky", "sand", "lemon", "peach"):
    COLOR_WORDS.pop(_name)
GENERIC = ("wood", "metal")  # materials that name a family: the style and the seed choose one of it

STYLES = _table(
    """
    modern: contemporary, sleek
    minimalist: minimal, minimalistic, simple
    scandinavian: nordic, scandi
    mid-century: mid century, midcentury, mid century modern, retro, vintage
    industrial: loft style
    rustic: farmhouse, country, cottage, shabby
    victorian: antique, baroque, rococo, ornate, classical, colonial, edwardian, elegant, regal, royal
    medieval: gothic, viking, dwarven, norse
    fantasy: elven, magical, enchanted
    sci-fi: sci fi, scifi, futuristic, cyberpunk, space age, science fiction
    steampunk: steam punk
    art-deco: art deco
    japanese: zen, oriental, japandi
    cartoon: stylized, stylised, toon, cute, cartoonish
    low-poly: low poly, lowpoly, faceted
    """
)
SHAPES = _table(
    """
    tall: high, towering, elongated
    low: short, squat
    wide: broad
    narrow: skinny
    long: lengthy
    deep
    shallow
    round: circular, rounded, spherical
    oval: elliptical
    square: cubic, boxy, rectangular
    hexagonal: hexagon
    octagonal: octagon
    slim: slender, thin, delicate, dainty
    thick: chunky, heavy, sturdy, stout, massive, bulky
    curved: curvy, arched, bent, wavy
    straight
    twisted: spiral, spiralled
    tapered: tapering, conical
    small: tiny, little, mini, miniature
    large: big, huge, giant, oversized, grand
    rusty: rusted, corroded, oxidised, oxidized
    glossy: shiny, polished, lacquered, gleaming, varnished
    matte: matt, dull, unpolished
    worn: weathered, distressed, aged, old, scratched, battered, ancient
    glowing: lit, glow, illuminated, luminous, burning, shining, light up
    painted
    carved: engraved, decorated
    upholstered: padded, cushioned, tufted, cushy
    open
    closed
    double: double sided, double bladed
    folded: folding
    pointed: sharp, spiky, pointy
    """
)
# Words before a category that choose its kind ('floor lamp', 'pine tree'); anything else there is ignored.
KINDS = _words(
    "floor desk table bar dining coffee side kitchen office rocking garden park picnic street ceiling bedside writing"
    " wine beer milk water flower tea soup salad fruit battle long short great war wood sledge forge claw mallet"
    " pickup delivery sports racing race family sedan van suv vintage treasure sea storage tool shipping"
    " palm fir christmas apple maple oak pine spruce cherry birch willow cypress bonsai dead barn cabin town castle"
    " watch stone skeleton door space toy corner wall single king queen bunk twin canopy loveseat wing club"
)
PARTS = _table(
    """
    legs: leg, legged, foot, feet
    seat: seats
    back: backrest, backrests, backed
    arms: arm, armrest, armrests, armed
    cushion: cushions, padding, upholstery
    pillows: pillow
    stretchers: stretcher, crossbar, crossbars, footrest, rung, rungs
    top: tabletop, surface, worktop, countertop, table top
    apron: skirt
    drawers: drawer, drawered
    doors: door, doored
    shelves: shelf, shelved, tier, tiers, tiered
    knobs: knob, pulls, pull
    handle: handles, handled, grip, hilt, shaft, haft
    frame: frames, framing
    mattress: mattresses
    blanket: duvet, bedding, quilt
    cover: covers
    sheet: sheets
    headboard: headboards
    posts: post, bedposts, poster
    base: foot plate, plinth, pedestal, stand
    stem: stems, pole, column
    shade: shades, lampshade, lampshades
    bulb: bulbs, flame, flames
    candles: candle
    spout: spouts
    lid: lids, cap, stopper, cork
    rim: rims, lip
    body: bodywork, hull, chassis, vessel
    hoops: hoop, bands, band, straps, strap
    staves: stave
    planks: plank, slats, slat, boards
    lock: padlock, clasp, latch
    blade: blades, bladed, head, heads, headed, edge
    guard: crossguard, hand guard, cross guard
    pommel: pommels
    bow: bows
    bit: bits, teeth, tooth
    roof: roofs, roofed, spire
    walls: wall, walled
    chimney: chimneys
    windows: window, windowed
    trunk: trunks
    leaves: leaf, foliage, crown, canopy, needles
    wheels: wheel, wheeled, hubcap, hubcaps
    tyres: tyre, tire, tires
    lights: headlights, headlight, taillights, lights
    bumper: bumpers
    fins: fin, finned
    nose: nose cone, tip, nosecone
    nozzle: nozzles, engine, engines, thrusters, thruster, booster, boosters
    fruits: apples
    pages: page
    spine: spines
    boss: bosses
    hands: clock hands
    branches: branch, branched
    gills: gill
    spots: spot, dots, spotted
    sails: sail
    mast: masts
    gems: gem, jewel, jewels, jewelled, jeweled, gemstone, gemstones
    rivets: rivet, stud, studs, studded
    binding: wrap, wrapping, bindings
    shutters: shutter
    oars: oar, paddle, paddles
    contents: liquid, coins, filling
    flowers: blossom, blossoms
    mirrors: mirror
    label: labels
    emblem: badge, symbol
    corners: corner
    trim: trims
    """
)

CATEGORIES = _table(
    """
    chair: dining chair, side chair, throne, rocker
    stool: barstool, bar stool, footstool, tabouret
    armchair: easy chair, wing chair, club chair, recliner
    sofa: couch, settee, loveseat, divan, love seat
    bench: pew, garden bench, park bench
    table: dining table, coffee table, side table, nightstand table, end table
    desk: writing desk, bureau, workbench, workstation
    bed: bedstead, cot, bunk
    bookshelf: bookcase, bookcases, shelving, shelving unit, book shelf, shelf unit, shelf
    cabinet: wardrobe, cupboard, armoire, sideboard, locker, closet
    dresser: chest of drawers, commode, nightstand, bedside table, drawers chest, chiffonier
    chest: treasure chest, coffer, strongbox, footlocker
    lamp: table lamp, desk lamp, floor lamp, light, standing lamp
    lantern: lanterns
    street lamp: lamppost, lamp post, streetlight, street light, streetlamp
    candlestick: candlestick holder, candle stick, candleholder, candle holder, candelabra, candelabrum
    candle: candles
    mug: cup, teacup, coffee mug, tankard, stein, coffee cup, tea cup
    goblet: chalice, wine glass, wineglass, grail
    glass: tumbler, drinking glass, beaker
    bottle: flask, wine bottle, phial, vial, potion
    vase: urn, amphora, flower vase
    bowl: dish, basin, salad bowl
    plate: saucer, platter
    teapot: kettle, tea pot
    pitcher: jug, carafe, ewer
    flowerpot: plant pot, flower pot, planter, pot
    barrel: cask, keg, wine barrel
    crate: wooden box, box, packing case
    bucket: pail
    sword: longsword, greatsword, broadsword, long sword, rapier, katana, sabre, saber, claymore
    dagger: knife, dirk
    axe: ax, hatchet, battleaxe, battle axe, tomahawk
    hammer: mallet, sledgehammer, warhammer, war hammer, sledge hammer, maul
    shield: buckler, round shield
    key: skeleton key, door key, old key
    house: cottage, cabin, home, hut, barn, farmhouse, shed, villa
    tower: castle tower, watchtower, watch tower, turret, keep, lighthouse
    tree: palm tree, pine tree, fir tree, oak tree, spruce, christmas tree
    rock: boulder, stone block, pebble
    mushroom: toadstool, fungus
    cactus: cactuses, cacti, saguaro
    car: automobile, sedan, race car, racecar, sports car, coupe, taxi, hatchback
    truck: lorry, pickup truck, pickup, delivery truck, van
    rocket: spaceship, rocket ship, spacecraft, missile, rocketship
    boat: rowboat, rowing boat, dinghy, sailboat, canoe, skiff
    clock: mantel clock, wall clock, alarm clock
    book: tome, notebook, spellbook, novel
    """
)
# Which axis 'long' and 'length' mean, where it is not the width; front is +Z.
LONG_AXIS = dict.fromkeys(("car", "truck", "boat", "bed"), "depth") | dict.fromkeys(
    ("sword", "dagger", "axe", "hammer", "key", "rocket", "candle"), "height"
)

NUMBERS = {
    word: int(value)
    for word, value in _table(
        """
        1: one, single
        2: two, twin, dual, pair, couple
        3: three, triple, tri
        4: four, quadruple
        5: five
        6: six
        7: seven
        8: eight
        9: nine
        10: ten
        11: eleven
        12: twelve, dozen
        20: twenty
        """
    ).items()
}
METRES = _table(
    """
    0.001: mm, millimetre, millimeter, millimetres, millimeters
    0.01: cm, centimetre, centimeter, centimetres, centimeters
    0.1: dm, decimetre, decimeter, decimetres, decimeters
    1.0: m, metre, meter, metres, meters
    1000.0: km, kilometre, kilometer, kilometres, kilometers
    0.0254: in, inch, inches, "
    0.3048: ft, foot, feet, '
    0.9144: yd, yard, yards
    """
)
# Words around a subject that name the picture, not the thing ('a photo of a …', '… 3d model').
CARRIERS = _words(
    "photo photograph picture image render rendering drawing sketch illustration painting model asset mesh prop object"
    " item set pair piece kind type sort version design scene view closeup close shot 3d game concept art artwork"
    " thing copy example sample rendition pbr"
)
FILLERS = _words(
    "a an the some this that these those my your his her its our their one's very really quite rather extremely highly"
    " super ultra hyper nice beautiful pretty lovely gorgeous good great best high quality resolution detailed detail"
    " realistic photorealistic hd uhd 4k 8k 2k and or plus also please make create generate draw build give me i want"
    " need show would like is are was be it ready asset style styled looking look shape shaped colored coloured color"
    " colour finish finished fully few several many more isolated textured new masterpiece too much just only else etc"
)
BREAKS = _words(
    "for with of on in at by from under over inside near beside behind below above between against into onto made built"
    " crafted carved forged cast that which who where when standing next to featuring having has holding containing"
    " filled covered using without"
)
LINKS = frozenset(("of", "in", "from", "made", "built", "crafted", "carved", "forged", "cast", "painted", "covered"))
NEGATIONS = frozenset(("no", "not", "without", "non", "never", "nor", "minus", "lacking", "isn't", "aren't", "avoid"))

_ENDINGS = (("ves", "f"), ("ves", "fe"), ("ies", "y"), ("s", ""), ("es", ""))


def singular(word: str, known: Iterable[str] = ()) -> str:
    """The singular of an English noun: the first rule that gives a `known` word, else no final s."""
    table = known if isinstance(known, dict | set | frozenset) else set(known)
    if not word.endswith("s") or word in table:  # as every ending below does
        return word
    for ending, instead in _ENDINGS:
        if word.endswith(ending) and (stem := word[: len(word) - len(ending)] + instead) in table:
            return stem
    plain = len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is"))
    return word[:-1] if plain else word


def category_of(noun: str) -> str:
    """The canonical category of a noun or phrase ('couches' → 'sofa'), or '' when none is known."""
    return CATEGORIES.get(singular(noun.strip().lower(), CATEGORIES), "")


def nearest(noun: str, count: int = 4) -> tuple[str, ...]:
    """Known nouns closest to an unknown one by matching blocks (difflib), best first; '' gives the first few."""
    close = difflib.get_close_matches(noun.lower()[:40], list(CATEGORIES), n=count * 2, cutoff=0.45)
    unique = tuple(dict.fromkeys(close))
    return unique[:count] or tuple(sorted(set(CATEGORIES.values()))[:count])
