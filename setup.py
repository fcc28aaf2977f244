"""The compiled engine of resampling; everything else stands in setup.cfg.

It is optional: where there is no compiler, or not one that knows vectors (MSVC), the package installs all the same and uses
NumPy.
"""

import sys
from pathlib import Path

from setuptools import Extension, setup

KERNEL = Path("cbecmodel/structure/resampling/kernel")

setup(
    ext_modules=[
        Extension(
            "cbecmodel.structure.resampling._kernel",
            sources=[
                (KERNEL / f"{name}.c").as_posix()
                for name in ("module", "draws", "lanes_base", "lanes_avx2", "lanes_avx512")
            ],
            depends=[(KERNEL / name).as_posix() for name in ("model.h", "lanes.h")],
            # neither flag changes a number: errno and floating-point traps are not looked at
            extra_compile_args=[]
            if sys.platform == "win32"
            else ["-O3", "-g0", "-fno-math-errno", "-fno-trapping-math"],
            optional=True,
        )
    ]
)
