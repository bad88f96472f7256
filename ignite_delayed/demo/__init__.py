"""The demo: one training on handwritten digits, ended by four rules, and what each costs."""
