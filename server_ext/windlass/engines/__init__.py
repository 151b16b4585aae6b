"""Where jobs run. Every engine keeps the promise of `base.Engine`."""
