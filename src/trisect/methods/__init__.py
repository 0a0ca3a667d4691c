"""Methods, one file each with recipe, presets, building and training; `trisect.methods.table` lists them."""
