"""The scene of Temporal Causal3DIdent: one object above a floor, a coloured spotlight, and fixed lamps."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from trisect import checks
from trisect.worlds.scene3d import lamps as lamp_columns
from trisect.worlds.scene3d.bvh import Bvh, build_bvh, join_bvhs
from trisect.worlds.scene3d.constants import SceneConstants
from trisect.worlds.scene3d.finish import compose
from trisect.worlds.scene3d.lamps import disc_points, lamp_rows
from trisect.worlds.scene3d.meshes import centre_mesh
from trisect.worlds.scene3d.ray_caster import Body, Surface, cast_frame
from trisect.worlds.scene3d.teapot import teapot
from trisect.worlds.scene3d.vectors import compiled


class Scene:
    def __init__(self, shapes, resolution=64, rays_per_pixel=16, meshes=None, constants=SceneConstants(), mesh_list=None):
        self.constants = constants
        self.resolution = resolution
        self.side = int(round(rays_per_pixel**0.5))
        meshes = mesh_list or [centre_mesh(teapot(), constants.object_size)]
        self._radii = np.array([np.linalg.norm(m.vertices, axis=1).max() for m in meshes])
        self._tree, self._nodes = join_bvhs([build_bvh(m) for m in meshes])

    def render(self, positions, rotations, spot_angles, hues, shapes):
        return self.render_turned(positions, euler_matrices(rotations), spot_angles, hues, shapes)

    def render_turned(self, positions, turns, spot_angles, hues, shapes):
        k = self.constants
        places = positions + np.array([0.0, 0.0, k.object_lift])
        lamps = spot_rows(k, places, spot_angles, hsv(hues[:, 1], 0.8))
        fixed = lamp_rows(k.lamps)
        lamps = np.concatenate([lamps[:, None], np.broadcast_to(fixed, (len(lamps), *fixed.shape))], axis=1)
        colours = np.stack([hsv(hues[:, 0], 1.0), hsv(hues[:, 2], 0.6)], axis=1)
        frames = np.empty((len(places), self.resolution, self.resolution, 3), np.uint8)
        surfaces = (Surface(k.shine, k.sharpness), Surface(0.0, 1.0))
        weights = np.exp(-0.5 * (np.arange(4) / max(k.smoothing, 1e-3)) ** 2)
        _render(frames, self._tree, self._nodes[shapes], self._radii[shapes], places, turns, lamps, colours, surfaces,
                camera_rows(k), disc_points(), float(k.floor), self.side, weights)
        return frames


def hsv(hues, saturation):
    sector = (hues[:, None] / (2 * np.pi) * 6 + np.array([0.0, 4.0, 2.0])) % 6
    return 1 - saturation * (1 - np.clip(np.abs(sector - 3) - 1, 0, 1))


def euler_matrices(angles):
    c, s = np.cos(angles).T, np.sin(angles).T
    o, l = np.zeros(len(angles)), np.ones(len(angles))
    def m(rows): return np.moveaxis(np.array(rows), 2, 0)
    x = m([[l, o, o], [o, c[0], -s[0]], [o, s[0], c[0]]])
    y = m([[c[1], o, s[1]], [o, l, o], [-s[1], o, c[1]]])
    z = m([[c[2], -s[2], o], [s[2], c[2], o], [o, o, l]])
    return z @ y @ x


def camera_rows(k):
    eye, aim = np.array(k.camera, float), np.array(k.aim, float)
    ahead = (aim - eye) / np.linalg.norm(aim - eye)
    right = np.cross(ahead, [0, 0, 1.0]); right /= np.linalg.norm(right)
    up = np.cross(right, ahead)
    return np.stack([eye, right, up, ahead * k.focal])


def spot_rows(k, places, angles, colours):
    rows = np.zeros((len(places), lamp_columns.NUM_COLUMNS))
    at = np.stack([k.spot_radius * np.sin(angles), k.spot_radius * np.cos(angles), np.full(len(angles), k.spot_height)], axis=1)
    axis = places - at
    rows[:, lamp_columns.PLACE] = at
    rows[:, lamp_columns.AXIS] = axis / np.linalg.norm(axis, axis=1, keepdims=True)
    rows[:, lamp_columns.COLOUR] = k.spot_energy * colours
    rows[:, lamp_columns.RADIUS] = k.spot_softness
    rows[:, lamp_columns.COSINE] = np.cos(np.deg2rad(k.spot_angle / 2))
    rows[:, lamp_columns.BLEND] = k.spot_blend
    return rows


@compiled
def _render(frames, tree, nodes, radii, places, turns, lamps, colours, surfaces, camera, discs, floor, side, weights):
    resolution = frames.shape[1]
    for i in range(len(frames)):
        light = np.zeros((2, resolution, resolution, 4))
        place = (places[i, 0], places[i, 1], places[i, 2])
        body = Body(nodes[i, 0], nodes[i, 1], place, turns[i], radii[i])
        cast_frame(light, tree, body, lamps[i], surfaces, camera, discs, floor, side)
        compose(frames[i], light, colours[i], weights)
