"""What components ask of the gateway beside who may call them: a module for each trait, as frozen
values."""
