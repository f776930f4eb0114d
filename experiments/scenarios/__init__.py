"""The scenarios that come with the package, one YAML file each; `moonfleet scenarios` lists them."""
