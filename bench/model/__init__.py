"""A model of a hub process under load: costs fitted to measured points, CPU and latency simulated from them."""
