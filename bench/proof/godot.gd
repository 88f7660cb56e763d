# Prints a line of JSON for each scene named on the command line: its meshes with faces and maps, and its bodies.
extends SceneTree

const MAPS = {
	"base_color": SpatialMaterial.TEXTURE_ALBEDO,
	"metallic": SpatialMaterial.TEXTURE_METALLIC,
	"roughness": SpatialMaterial.TEXTURE_ROUGHNESS,
	"normal": SpatialMaterial.TEXTURE_NORMAL,
	"emissive": SpatialMaterial.TEXTURE_EMISSION,
	"occlusion": SpatialMaterial.TEXTURE_AMBIENT_OCCLUSION,
}

func _init():
	for file in OS.get_cmdline_args():
		if file.begins_with("res://") and not file.ends_with(".gd"):
			var scene = load(file)
			var found = {"file": file, "meshes": {}, "bodies": []}
			if scene != null:
				visit(scene.instance(), found)
			print("FACTS ", JSON.print(found))
	quit()

func visit(node, found):
	if node is MeshInstance:
		found.meshes[node.name] = {"faces": 0, "maps": [], "materials": 0}
		for surface in node.mesh.get_surface_count():
			describe(node.mesh, surface, found.meshes[node.name])
	elif node is StaticBody:
		found.bodies.append(node.name)
	for child in node.get_children():
		visit(child, found)

func describe(mesh, surface, found):
	found.faces += mesh.surface_get_arrays(surface)[Mesh.ARRAY_INDEX].size() / 3
	var material = mesh.surface_get_material(surface)
	if material is SpatialMaterial:
		found.materials += 1
		for slot in MAPS:
			if material.get_texture(MAPS[slot]) != null and not slot in found.maps:
				found.maps.append(slot)
