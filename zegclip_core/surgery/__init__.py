"""Ways through a plain ViT's last block that keep patch features local, without training."""
