"""Settings of the site, and the links that make its pages readable in a clone as well.

Pages are plain RST, so that whatever shows a repository shows them: files are linked by their paths, and names stand
as literals. Here a link to a page becomes one between pages, a link to another file a download, and the literal of a
public name leads to its reference, which lists what the package's stub offers.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform
from sphinx.util.docutils import SphinxDirective

import ignite_delayed

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent

# Sphinx reads below its own folder alone. With their times, so that only those that changed are read again.
(HERE / "notebooks").mkdir(exist_ok=True)
for notebook in (ROOT / "notebooks").glob("*.ipynb"):
    shutil.copy2(notebook, HERE / "notebooks")

project = "ignite-delayed"
author = "ignite-delayed contributors"
copyright = author
version = release = ignite_delayed.__version__

extensions = ["sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_copybutton", "myst_nb"]
exclude_patterns = ["_build", "_static", "jupyter_execute"]
source_suffix = {".rst": "restructuredtext", ".ipynb": "myst-nb"}
highlight_language = "none"  # commands and what is printed; Python is marked as that
nb_execution_mode = "off"  # they are kept with their outputs, which a test holds

html_theme = "furo"
html_title = "ignite-delayed"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
templates_path: list[str] = []

napoleon_use_ivar = True
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
python_display_short_literal_types = True
maximum_signature_line_length = 88
copybutton_prompt_text = r">>> |\.\.\. "
copybutton_prompt_is_regexp = True

# Pages that show what is kept elsewhere in the repository.
SHOWN = {
    ROOT / "README.rst": "index",
    ROOT / "CHANGELOG.rst": "changelog",
    ROOT / "CONTRIBUTING.rst": "contributing",
    ROOT / "notebooks" / "README.rst": "tutorials",
}


class Links(SphinxTransform):
    """Links between files become links between pages."""

    default_priority = 5

    def apply(self) -> None:
        for link in list(self.document.findall(nodes.reference)):
            path = self.file(link.get("refuri", ""))
            if path is not None:
                made = self.to_page(path) or addnodes.download_reference(
                    "", reftarget=f"/{os.path.relpath(path, HERE)}"
                )
                made["refdoc"] = self.env.docname
                made += nodes.inline("", link.astext())
                link.replace_self(made)

    def file(self, target: str) -> Path | None:
        """The file of the repository that a link names, from where the page is or from where what it shows is kept."""
        if not target or "://" in target or target.startswith("#"):
            return None
        homes = (Path(self.env.doc2path(self.env.docname)).parent, ROOT, ROOT / "notebooks")
        return next((path for home in homes if (path := (home / target).resolve()).is_file()), None)

    def to_page(self, path: Path) -> addnodes.pending_xref | None:
        """A link to the page that shows a file; None where none does."""
        home = HERE if path.is_relative_to(HERE) else ROOT
        name = SHOWN.get(path) or path.relative_to(home).with_suffix("").as_posix()
        if name not in self.env.found_docs:
            return None
        target = {"refdomain": "std", "reftype": "doc", "reftarget": f"/{name}"}
        return addnodes.pending_xref("", refexplicit=True, refwarn=True, **target)


class Names(SphinxTransform):
    """The literal of a public name, or of a call of it, leads to its reference."""

    default_priority = 6
    public = re.compile(rf"({'|'.join(sorted(ignite_delayed.__all__))})\b(?!=)")

    def apply(self) -> None:
        for literal in list(self.document.findall(nodes.literal)):
            found = self.public.match(literal.astext())
            if found and not isinstance(literal.parent, nodes.reference | nodes.title | addnodes.pending_xref):
                options = {"refdomain": "py", "reftype": "obj", "reftarget": f"ignite_delayed.{found[1]}"}
                options["refdoc"] = self.env.docname
                link = addnodes.pending_xref("", refexplicit=True, refwarn=True, **options)
                literal.replace_self(link)
                link += literal


class Public(SphinxDirective):
    """``.. public:: gates``: the reference of what the package offers from that room, as its stub says."""

    required_arguments = 1
    stub = (ROOT / "ignite_delayed" / "__init__.pyi").read_text(encoding="utf-8")

    def run(self) -> list[nodes.Node]:
        names = re.findall(rf"^from \.{self.arguments[0]} import (\w+) as", self.stub, flags=re.MULTILINE)
        return self.parse_text_to_nodes("\n".join(map(self.entry, names)))

    def entry(self, name: str) -> str:
        """The directive that shows one name, after what it is."""
        value = getattr(ignite_delayed, name)
        if not isinstance(value, type):
            return f".. autofunction:: {name}\n"
        if issubclass(value, BaseException):
            return f".. autoexception:: {name}\n"
        return f".. autoclass:: {name}\n   :members:\n"


def setup(app: Sphinx) -> None:
    """Let Sphinx apply both to every page, and know the directive of the reference."""
    app.add_directive("public", Public)
    app.add_transform(Links)
    app.add_transform(Names)
