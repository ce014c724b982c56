"""Knowledge of Kong: entities, the gate's table and scripts, the Admin API."""
