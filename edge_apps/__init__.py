"""Programs that run artifacts on devices: desktop, Raspberry Pi, Android and the browser."""
