"""The one place where adapters of pretrained models are listed."""

from __future__ import annotations

from typing import Any

from ml.generators.pretrained.adapter import Pretrained
from ml.generators.pretrained.craftsman import CraftsMan, CraftsManOptions
from ml.generators.pretrained.direct3d_s2 import Direct3DS2, Direct3DS2Options
from ml.generators.pretrained.hunyuan import Hunyuan21, HunyuanMini, HunyuanMiniOptions, HunyuanOptions
from ml.generators.pretrained.shap_e import ShapEImage, ShapEOptions, ShapEText
from ml.generators.pretrained.stable_fast_3d import StableFast3D, StableFast3DOptions
from ml.generators.pretrained.step1x_3d import Step1X3D, Step1X3DOptions
from ml.generators.pretrained.trellis import Trellis, TrellisOptions, TrellisText
from ml.generators.pretrained.trellis2 import Trellis2, Trellis2Options
from ml.generators.pretrained.triposg import ScribbleOptions, TripoSG, TripoSGOptions, TripoSGScribble
from ml.generators.pretrained.triposr import TripoSR, TripoSROptions

PRETRAINED: dict[str, tuple[type[Pretrained], type[Any]]] = {
    ShapEText.name: (ShapEText, ShapEOptions),
    ShapEImage.name: (ShapEImage, ShapEOptions),
    TripoSR.name: (TripoSR, TripoSROptions),
    TripoSG.name: (TripoSG, TripoSGOptions),
    TripoSGScribble.name: (TripoSGScribble, ScribbleOptions),
    Trellis.name: (Trellis, TrellisOptions),
    TrellisText.name: (TrellisText, TrellisOptions),
    Trellis2.name: (Trellis2, Trellis2Options),
    HunyuanMini.name: (HunyuanMini, HunyuanMiniOptions),
    Hunyuan21.name: (Hunyuan21, HunyuanOptions),
    StableFast3D.name: (StableFast3D, StableFast3DOptions),
    Step1X3D.name: (Step1X3D, Step1X3DOptions),
    CraftsMan.name: (CraftsMan, CraftsManOptions),
    Direct3DS2.name: (Direct3DS2, Direct3DS2Options),
}
