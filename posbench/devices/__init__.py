"""Machines: what a host needs, which array lies where, and what bits depend on."""
