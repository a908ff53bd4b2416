"""Places as unit vectors, so that poles and the date line are nothing special."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import cKDTree


def unit_vectors(longitude: ArrayLike, latitude: ArrayLike) -> NDArray[np.float64]:
    """Return unit vectors (..., 3) of places in degrees on the sphere."""
    lam, phi = np.radians(longitude), np.radians(latitude)
    return np.stack(
        [np.cos(phi) * np.cos(lam), np.cos(phi) * np.sin(lam), np.sin(phi) * np.ones_like(lam)], axis=-1
    )


def angle_degrees(difference: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the great-circle angle in degrees that a difference (..., 3) of unit vectors (a chord) spans."""
    chord: NDArray[np.float64] = np.linalg.norm(difference, axis=-1)
    return np.degrees(2 * np.arcsin(np.clip(chord / 2, 0.0, 1.0)))


def quadrilateral_areas(corners: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the areas in steradians (..., n, m) between corners (..., n + 1, m + 1, 3), unit vectors.

    Sides are parts of great circles.
    """
    a, b = corners[..., :-1, :-1, :], corners[..., :-1, 1:, :]
    c, d = corners[..., 1:, 1:, :], corners[..., 1:, :-1, :]
    return np.abs(_triangle_areas(a, b, c) + _triangle_areas(a, c, d))


def areas_of_pieces(corners: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return areas as `quadrilateral_areas` does, scaled to sum to the area between the outermost corners."""
    areas = quadrilateral_areas(corners)
    whole = quadrilateral_areas(corners[..., :: corners.shape[-3] - 1, :: corners.shape[-2] - 1, :])
    total = areas.sum(axis=(-2, -1), keepdims=True)
    return areas * np.divide(whole, total, out=np.zeros_like(whole), where=total > 0)


def _triangle_areas(
    a: NDArray[np.float64], b: NDArray[np.float64], c: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return signed solid angles (van Oosterom and Strackee 1983)."""
    volume = np.sum(a * np.cross(b, c), axis=-1)
    cosines = np.sum(a * b, axis=-1) + np.sum(b * c, axis=-1) + np.sum(c * a, axis=-1)
    return 2 * np.arctan2(volume, 1 + cosines)


def nearest_within_reach(
    tree: cKDTree, reach: NDArray[np.float64], longitude: ArrayLike, latitude: ArrayLike
) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Find the nearest of the unit vectors of a tree to places in degrees.

    Parameters
    ----------
    tree : cKDTree
        Of unit vectors.
    reach : ndarray of float, shape (n,)
        How far, as a chord, each of them reaches.

    Returns
    -------
    nearest : ndarray of int
        Its index in the tree, in the broadcast shape of the places.
    reaches : ndarray of bool
        Whether it reaches there; never for a place that is not finite.
    """
    places = np.broadcast_arrays(np.asarray(longitude, np.float64), np.asarray(latitude, np.float64))
    vectors = unit_vectors(*places)
    finite = np.isfinite(vectors).all(axis=-1)
    distance, found = tree.query(np.where(finite[..., None], vectors, 0.0))
    nearest = np.asarray(found, np.intp)
    return nearest, finite & (distance <= reach[nearest])
