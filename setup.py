"""All metadata is declarative and lives in setup.cfg; this file serves tools that still look for it."""

from setuptools import setup

setup()
