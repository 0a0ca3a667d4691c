"""Methods, one file each: recipe, presets, building and training. `trisect.methods.table` lists them."""
