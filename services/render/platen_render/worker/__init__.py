"""Drawing: an artwork side and a buyer's answers become one print file, in processes that may die without harm."""

from platen_render.worker.paint import assets_of
from platen_render.worker.pool import RenderPool
from platen_render.worker.problems import Code, RenderProblem

__all__ = ["Code", "RenderPool", "RenderProblem", "assets_of"]
