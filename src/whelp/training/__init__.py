"""Training and evaluation of a model: losses, metrics, schedules, optimisers, the loop, devices.

`trainer.train` is the loop, `devices.use_devices` lays a model out over several devices,
`evaluation.evaluate` measures a model on held-out windows. Modules are imported one by one, as some
bring libraries that the others do without.
"""
