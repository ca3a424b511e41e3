"""The board, and moving a visit: by its form, or on the board itself. All below /staff/."""

from django.urls import path

from scheduling.views import board, board_moves

urlpatterns = [
    path("board/", board.board_page, name="board"),
    path("board/changes/", board.changes, name="board-changes"),
    path("board/visits/<int:visit_id>/undo/", board_moves.undo, name="board-undo"),
    path("visits/<int:visit_id>/move/", board_moves.move, name="visit-move"),
    path("visits/<int:visit_id>/targets/", board_moves.visit_targets, name="visit-targets"),
]
