from __future__ import annotations

import sys
import types
from typing import Any

import pytest

from ignite_delayed._utils.extras import require_extra


class TestExtras:
    def test_only_a_missing_package_is_said_to_be_missing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with pytest.raises(ImportError, match=r"surely_not_there is needed .* 'ignite-delayed\[plot\]'"):
            require_extra("surely_not_there.pyplot", "plot")
        with pytest.raises(ModuleNotFoundError, match=r"^No module named 'matplotlib.nothing'$"):
            require_extra("matplotlib.nothing", "plot")
        broken = types.ModuleType("broken")
        monkeypatch.setitem(sys.modules, "broken", broken)
        failure = ImportError("libGL.so.1: cannot open shared object file", name="broken")

        def fail(module: str) -> Any:
            raise failure

        monkeypatch.setattr("ignite_delayed._utils.extras.import_module", fail)
        with pytest.raises(ImportError) as caught:
            require_extra("broken", "plot")
        assert caught.value is failure
