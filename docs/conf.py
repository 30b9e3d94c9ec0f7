"""How the pages of this folder become a site: `make docs` builds it into docs/_build/html."""

import os
import sys
from pathlib import Path

from dasp import __version__

sys.path.insert(0, str(Path(__file__).parents[1]))

project = "dasp"
author = copyright = "The dasp maintainers"
version = release = __version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "docs.building.gallery",
    "docs.building.llms",
    "docs.building.mathml",
    "docs.building.own_host",
    "docs.building.page_names",
    "docs.building.players",
    "docs.building.reference",
]
root_doc = "index"
exclude_patterns = ["_build", "building"]

# Pages are MyST Markdown. `$...$` is mathematics; a heading can be linked by its words.
myst_enable_extensions = ["colon_fence", "deflist", "dollarmath", "fieldlist"]
myst_heading_anchors = 3

# A notebook runs when it or what runs it has changed; an error in a cell ends the build.
nb_execution_mode = "cache"
nb_execution_cache_path = str(Path(__file__).parent / "_build" / "cells")
nb_execution_raise_on_error = True
nb_execution_timeout = 300
nb_ipywidgets_js = {}  # which would be fetched from another host

# Kernels warn that others on this machine could listen to what is sent to them: it is these pages.
IPYTHON = Path(__file__).parent / "_build" / "ipython"
(IPYTHON / "profile_default").mkdir(parents=True, exist_ok=True)
(IPYTHON / "profile_default" / "ipython_kernel_config.py").write_text(
    'get_config().IPKernelApp.log_level = "ERROR"\n', encoding="utf-8"
)
os.environ["IPYTHONDIR"] = str(IPYTHON)

# Docstrings: sections as Google has them, names as they were written.
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
napoleon_numpy_docstring = False
napoleon_use_rtype = False
add_module_names = False

html_theme = "pydata_sphinx_theme"
html_title = "dasp"
html_static_path = ["static", "gallery/static"]
html_math_renderer = "mathml"
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "navbar_align": "left",
    "footer_start": ["copyright"],
    "footer_end": [],
    "show_prev_next": True,
}
