"""Photos of every kind that users bring show the same picture, or are refused with the reason."""

from __future__ import annotations

import io
import logging
import os
import re
import struct
import threading
import zlib

import numpy as np
import pytest
from PIL import Image

from common.errors import InputError
from common.images.decoding import orientation_of, picture_size
from common.images.photos import cutout, read_photo, write_image
from edge_apps.sources.selection import open_sources

Y, X = np.mgrid[0:40, 0:60]
COLORS = np.dstack((X * 4, Y * 6, (X + Y) * 2)).astype(np.uint8)
Gray = np.asarray(Image.fromarray(COLORS).convert("L"))


def png(path, array, color_type, chunks=()):
    """Writes a PNG file of 16 bits with chunks that Pillow does not write."""
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in array)
    header = struct.pack(">IIBBBBB", array.shape[1], array.shape[0], 16, color_type, 0, 0, 0)
    parts = [(b"IHDR", header), *chunks, (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    data = b"\x89PNG\r\n\x1a\n"
    for kind, body in parts:
        data += struct.pack(">I", len(body)) + kind + body
        data += struct.pack(">I", zlib.crc32(kind + body))
    path.write_bytes(data)


def tiff(path, array, **tags):
    """Writes an uncompressed gray TIFF file; ``tags`` as ``t258=16``, one number each."""
    order = ">" if array.dtype.byteorder == ">" else "<"
    kinds = {"i": 2, "u": 1, "f": 3}
    bits = array.dtype.itemsize * 8
    values = {256: array.shape[1], 257: array.shape[0], 258: bits, 259: 1, 262: 1, 273: 8}
    values |= {277: 1, 278: array.shape[0], 279: array.nbytes, 339: kinds[array.dtype.kind]}
    values |= {int(name[1:]): value for name, value in tags.items()}
    entries = b"".join(
        struct.pack(order + "HHII", tag, 4, 1, v) for tag, v in sorted(values.items())
    )
    head = (b"MM\0*" if order == ">" else b"II*\0") + struct.pack(order + "I", 8 + array.nbytes)
    tail = struct.pack(order + "H", len(values)) + entries + bytes(4)
    path.write_bytes(head + array.tobytes() + tail)


def profile_with_red_and_green_exchanged():
    """An ICC profile of version 2: sRGB's colors with gamma 2.2, red and green exchanged."""
    red, green, blue = (0.4361, 0.2225, 0.0139), (0.3851, 0.7169, 0.0971), (0.1431, 0.0606, 0.7141)

    def xyz(values):
        return b"XYZ \0\0\0\0" + b"".join(struct.pack(">i", round(v * 65536)) for v in values)

    curve = b"curv\0\0\0\0" + struct.pack(">IHH", 1, round(2.2 * 256), 0)
    text = b"desc\0\0\0\0" + struct.pack(">I", 2) + b"x\0" + bytes(78)
    tags = {b"desc": text + bytes(-len(text) % 4), b"wtpt": xyz((0.9642, 1, 0.8249))}
    tags |= {b"rXYZ": xyz(green), b"gXYZ": xyz(red), b"bXYZ": xyz(blue)}
    tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)
    table, body, at = struct.pack(">I", len(tags)), b"", 128 + 4 + 12 * len(tags)
    for name, data in tags.items():
        table += struct.pack(">4sII", name, at + len(body), len(data))
        body += data
    header = struct.pack(
        ">I4sI4s4s4s", at + len(body), b"none", 0x02400000, b"mntr", b"RGB ", b"XYZ "
    )
    header += bytes(12) + b"acsp" + bytes(28) + struct.pack(">iii", 63190, 65536, 54061)
    return header + bytes(128 - len(header)) + table + body


def shows(path, expected, tolerance=0):
    found = read_photo(path).astype(int)
    expected = expected if expected.ndim == 3 else expected[..., None]
    assert found.shape[:2] == expected.shape[:2]
    assert np.abs(found - expected).max() <= tolerance


@pytest.fixture
def said(caplog):
    """What was said on standard error so far."""
    from common.input_notice import notice

    notice.cache_clear()
    caplog.set_level(logging.WARNING)
    return lambda: " ".join(record.getMessage() for record in caplog.records)


DEEP = {
    "u16": Gray.astype("<u2") * 257,
    "big-endian": (Gray.astype(">u2") * 257).astype(">u2"),
    "i16": (Gray.astype("<i2") * 128 + Gray // 2).astype("<i2"),
    "u32": Gray.astype("<u4") * 0x01010101,
    "f32": (Gray / 255).astype("<f4"),
}


@pytest.mark.parametrize("kind", DEEP)
def test_deep_tiff_files_are_scaled(tmp_path, kind, said):
    tiff(tmp_path / "a.tif", DEEP[kind])
    shows(tmp_path / "a.tif", Gray, tolerance=1)
    assert said() == ""


def test_white_may_be_zero(tmp_path):
    tiff(tmp_path / "a.tif", 65535 - DEEP["u16"], t262=0)
    shows(tmp_path / "a.tif", Gray)


@pytest.mark.parametrize("tag", ["t281", "t341"])
@pytest.mark.parametrize(("dtype", "white"), [("<u2", 4080), ("<u4", 65535)])
def test_a_file_may_say_which_value_is_white(tmp_path, tag, dtype, white):
    values = np.rint(Gray / 255 * white).astype(dtype)
    tiff(tmp_path / "a.tif", values, **{tag: white})
    shows(tmp_path / "a.tif", Gray, tolerance=1)


def test_png_says_it_with_its_significant_bits(tmp_path):
    values = np.rint(Gray / 255 * 4095).astype(np.uint16)
    png(tmp_path / "a.png", values, 0, [(b"sBIT", b"\x0c")])
    shows(tmp_path / "a.png", Gray, tolerance=1)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (Gray.astype("<u2") * 16, r"up to 3680 of 65535, nearly black"),
        (Gray.astype("<u4") * 257, r"up to 59110 of 4294967295, nearly black"),
        (Gray.astype("<f4"), r"from 0 to 230, expected floating point in 0 to 1"),
        (-DEEP["f32"], r"from -0.902 to -?0, expected"),
        (np.where(Gray > 99, np.float32("nan"), DEEP["f32"]), "no numbers"),
        (Gray.astype("<i1"), "signed bytes"),
        (Gray.astype("<f8"), "floating point; save it with 8 or 16 bits"),
    ],
)
def test_what_would_be_black_or_wrong_is_refused(tmp_path, array, message):
    tiff(tmp_path / "a.tif", array)
    with pytest.raises(InputError, match=message):
        read_photo(tmp_path / "a.tif")


@pytest.mark.parametrize(("channels", "color_type"), [(1, 0), (2, 4), (3, 2), (4, 6)])
def test_12_bits_in_16_are_refused_in_gray_and_color(tmp_path, channels, color_type):
    stack = [Gray.astype(np.uint16) * 16] * (channels - (channels in (2, 4)))
    array = np.dstack([*stack, *[np.full_like(stack[0], 65535)] * (channels in (2, 4))])
    png(tmp_path / "a.png", array, color_type)
    with pytest.raises(InputError, match="nearly black"):
        read_photo(tmp_path / "a.png")
    black = np.zeros_like(array) + np.uint16([0] * (channels - 1) + [65535 * (channels in (2, 4))])
    png(tmp_path / "black.png", black, color_type)
    shows(tmp_path / "black.png", np.zeros_like(COLORS))


def test_16_bits_of_every_kind(tmp_path):
    deep = COLORS.astype(np.uint16) * 257
    png(tmp_path / "color.png", deep, 2)
    shows(tmp_path / "color.png", COLORS)
    key = deep[3, 5]
    png(tmp_path / "keyed.png", deep, 2, [(b"tRNS", struct.pack(">HHH", *key))])
    shows(tmp_path / "keyed.png", np.where((deep == key).all(-1, keepdims=True), 255, COLORS))
    png(tmp_path / "gray.png", deep[..., 0], 0, [(b"tRNS", struct.pack(">H", deep[3, 5, 0]))])
    shows(tmp_path / "gray.png", np.where(X == 5, 255, COLORS[..., 0]))


def test_dark_photos_are_told(tmp_path, said):
    Image.fromarray(Gray.astype(np.uint16) * 64).save(tmp_path / "a.png")
    read_photo(tmp_path / "a.png")
    assert "a.png: holds values up to 14720 of 65535; read as a dark photo" in said()
    Image.fromarray(COLORS // 200).save(tmp_path / "b.png")
    read_photo(tmp_path / "b.png")
    assert "b.png: no value above 1 of 255" in said()


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr", "LAB"])
def test_every_mode_shows_its_picture(tmp_path, mode):
    image = Image.fromarray(COLORS)
    if mode == "LAB":
        from PIL import ImageCms

        spaces = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
        image = ImageCms.profileToProfile(image, *spaces, outputMode="LAB")
    else:
        image = image.quantize(256) if mode[0] == "P" else image
        image = image.convert(mode)
    image.save(tmp_path / "a.tif")
    expected = np.asarray(image.convert("L")) if mode in ("1", "L", "LA") else COLORS
    difference = np.abs(read_photo(tmp_path / "a.tif").astype(int) - np.atleast_3d(expected))
    assert difference.mean() < (6 if mode[0] == "P" else 2)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp", ".avif", ".mpo"])
def test_every_orientation_is_applied_once(tmp_path, suffix):
    turned = {2: COLORS[:, ::-1], 3: COLORS[::-1, ::-1], 4: COLORS[::-1]}
    turned |= {6: np.rot90(COLORS, -1), 8: np.rot90(COLORS)}
    turned |= {5: COLORS.transpose(1, 0, 2), 7: COLORS[::-1, ::-1].transpose(1, 0, 2)}
    for orientation in range(10):
        exif = Image.Exif()
        exif[0x0112] = orientation
        path = tmp_path / f"{orientation}{suffix}"
        Image.fromarray(COLORS).save(path, exif=exif)
        expected, found = turned.get(orientation, COLORS), read_photo(path)
        assert found.shape == expected.shape
        assert np.abs(found.astype(int) - expected).mean() < 6
        assert picture_size(path) == (found.shape[1], found.shape[0])
        assert orientation_of(path) == (orientation if orientation in turned else 1)


def test_damaged_exif_data_do_not_hide_a_photo(tmp_path):
    Image.fromarray(COLORS).save(tmp_path / "a.png", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff")
    shows(tmp_path / "a.png", COLORS)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P"])
def test_color_profiles_are_converted_once(tmp_path, mode):
    profile = profile_with_red_and_green_exchanged()
    image = Image.fromarray(COLORS)
    image = image.quantize(256) if mode == "P" else image.convert(mode)
    image.save(tmp_path / "a.png", icc_profile=profile)
    seen = np.asarray(image.convert("RGB")).astype(int)[..., [1, 0, 2]]
    found = read_photo(tmp_path / "a.png")
    bright = seen > 40  # below, a gamma of 2.2 differs from sRGB's curve
    assert np.abs(found.astype(int) - seen)[bright].max() <= 5
    write_image(tmp_path / "cut.png", cutout(found, Gray))
    with Image.open(tmp_path / "cut.png") as image:
        assert "icc_profile" not in image.info
        np.testing.assert_array_equal(np.asarray(image)[..., :3], found)


def test_srgb_profiles_change_nothing_and_useless_ones_are_told(tmp_path, said):
    from PIL import ImageCms

    own = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for array in (COLORS, Gray):
        Image.fromarray(array).save(tmp_path / "a.png", icc_profile=own)
        shows(tmp_path / "a.png", array)
    assert said() == ""
    for name, profile in (("b.png", b"no profile"), ("c.png", own[:16] + b"GRAY" + own[20:])):
        Image.fromarray(COLORS).save(tmp_path / name, icc_profile=profile)
        shows(tmp_path / name, COLORS)
        assert f"{name}: its color profile cannot be used" in said()


def with_chunks(path, array, **chunks):
    """Writes a PNG file with chunks after its header."""
    file = io.BytesIO()
    Image.fromarray(array).save(file, "PNG")
    data = file.getvalue()
    made = b""
    for name, body in chunks.items():
        kind = name.encode()
        made += struct.pack(">I", len(body)) + kind + body
        made += struct.pack(">I", zlib.crc32(kind + body))
    path.write_bytes(data[:33] + made + data[33:])


def chromaticities(*values):
    return struct.pack(">8I", *(round(100000 * value) for value in values))


SRGB_POINTS = chromaticities(0.3127, 0.3290, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)
ADOBE_POINTS = chromaticities(0.3127, 0.3290, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06)
PIXEL = np.full((4, 4, 3), (100, 150, 200), np.uint8)


@pytest.mark.parametrize(
    ("chunks", "expected"),
    [
        ({}, (100, 150, 200)),
        ({"gAMA": struct.pack(">I", 45455), "cHRM": SRGB_POINTS}, (100, 150, 200)),
        ({"gAMA": struct.pack(">I", 100000)}, (168, 202, 229)),
        ({"gAMA": struct.pack(">I", 100000), "sRGB": b"\0"}, (100, 150, 200)),
        ({"gAMA": struct.pack(">I", 0)}, (100, 150, 200)),
        ({"gAMA": struct.pack(">I", 45455), "cHRM": bytes(32)}, (100, 150, 200)),
        ({"gAMA": struct.pack(">I", 45470), "cHRM": ADOBE_POINTS}, (66, 151, 203)),
        ({"cICP": bytes((12, 13, 0, 1))}, (83, 152, 205)),
        ({"cICP": bytes((1, 13, 0, 1)), "gAMA": struct.pack(">I", 100000)}, (100, 150, 200)),
        ({"cICP": bytes((2, 2, 0, 1))}, (100, 150, 200)),
    ],
)
def test_colors_that_png_files_describe_by_numbers(tmp_path, said, chunks, expected):
    with_chunks(tmp_path / "a.png", PIXEL, **chunks)
    assert np.abs(read_photo(tmp_path / "a.png").astype(int) - expected).max() <= 1
    assert said() == ""


def test_pictures_of_high_dynamic_range_are_told(tmp_path, said):
    with_chunks(tmp_path / "a.png", PIXEL, cICP=bytes((9, 16, 0, 1)))
    shows(tmp_path / "a.png", PIXEL)
    assert "a.png: of high dynamic range (PQ), read as sRGB with dull colors" in said()


@pytest.mark.parametrize(
    ("space", "interop", "converted"),
    [(1, "R98", False), (2, None, True), (0xFFFF, "R03", True), (0xFFFF, None, False)],
)
def test_exif_names_adobe_rgb(tmp_path, space, interop, converted):
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0xA001] = space
    if interop:
        exif.get_ifd(0x8769)[0xA005] = {1: interop}
    Image.fromarray(PIXEL).save(tmp_path / "a.jpg", exif=exif, quality=100)
    found = read_photo(tmp_path / "a.jpg").astype(int)
    assert np.abs(found - ((66, 151, 203) if converted else PIXEL)).max() <= 3


def test_nothing_to_see_is_told(tmp_path, said):
    write_image(tmp_path / "a.png", cutout(COLORS, np.zeros_like(Gray)))
    assert (read_photo(tmp_path / "a.png") == 255).all()
    assert "a.png: transparent throughout, read as white" in said()


@pytest.mark.parametrize("rows", [0, 1, 4])
@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_without_its_end_marker_is_whole(tmp_path, rows, progressive):
    file = io.BytesIO()
    image = Image.fromarray(COLORS).resize((300, 200))
    image.save(file, "JPEG", progressive=progressive, restart_marker_rows=rows)
    data, path = file.getvalue(), tmp_path / "a.jpg"
    expected = np.asarray(Image.open(file))
    for cut in (1, 2):
        path.write_bytes(data[:-cut])
        shows(path, expected)
    restarts = [match.start() for match in re.finditer(rb"\xff[\xd0-\xd7]", data)]
    for end in (len(data) - 3, len(data) - 20, len(data) // 2, *restarts[-3:]):
        path.write_bytes(data[:end])
        with pytest.raises(InputError, match="truncated"):
            read_photo(path)


@pytest.mark.parametrize("suffix", [".jpg", ".mpo", ".jp2"])
def test_large_photos_are_read_in_reduced_form(tmp_path, suffix, said, monkeypatch):
    path = tmp_path / f"a{suffix}"
    large = Image.fromarray(COLORS).resize((600, 400), Image.Resampling.BILINEAR)
    large.save(path)
    assert read_photo(path).shape == (400, 600, 3)
    monkeypatch.setenv("SAMNET_MEGAPIXELS", "0.1")
    found = read_photo(path)
    assert np.abs(found - np.asarray(large.resize((300, 200))).astype(int)).mean() < 4
    assert "600x400 pixels" in said() and "read at 300x200" in said()
    assert read_photo(path, megapixels=0.02).shape == (100, 150, 3)
    with pytest.raises(InputError, match=r"expected at most 0\.0001"):
        read_photo(path, megapixels=0.0001)


def test_the_limit_is_an_option_of_sources(tmp_path):
    write_image(tmp_path / "a.jpg", np.asarray(Image.fromarray(COLORS).resize((600, 400))))
    (source,) = open_sources([str(tmp_path / "a.jpg")], (640, 480), 0.1)
    (frame,) = source.frames(threading.Event())
    assert frame.photo.shape == (200, 300, 3)


def test_large_photos_without_a_reduced_form_are_refused_calmly(tmp_path, monkeypatch):
    Image.new("1", (20000, 10000)).save(tmp_path / "a.png")
    with pytest.raises(InputError, match="200 megapixels, expected at most 180") as refused:
        read_photo(tmp_path / "a.png")
    assert "bomb" not in str(refused.value)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    write_image(tmp_path / "b.png", COLORS)
    shows(tmp_path / "b.png", COLORS)
    assert Image.MAX_IMAGE_PIXELS == 10
    for wrong in ("many", "0", "-3"):
        monkeypatch.setenv("SAMNET_MEGAPIXELS", wrong)
        with pytest.raises(InputError, match="expected a number above 0"):
            read_photo(tmp_path / "b.png")


def test_several_frames_are_told(tmp_path, said):
    frames = [Image.fromarray(np.roll(COLORS, 9 * i, 1)) for i in range(3)]
    for name in ("a.gif", "a.webp", "a.png", "a.tif", "a.mpo"):
        frames[0].save(tmp_path / name, save_all=True, append_images=frames[1:])
        read_photo(tmp_path / name)
        kind = "pages" if name == "a.tif" else "frames"
        assert (f"{name}: holds 3 {kind}; the first" in said()) == (name != "a.mpo")


def test_standard_input_and_pipes(tmp_path, monkeypatch):
    write_image(tmp_path / "a.png", COLORS)
    data = (tmp_path / "a.png").read_bytes()

    def pipe():
        reading, writing = os.pipe()
        threading.Thread(target=lambda: os.fdopen(writing, "wb").write(data)).start()
        return reading

    number = pipe()
    shows(f"/dev/fd/{number}", COLORS)
    with pytest.raises(InputError, match=f"/dev/fd/{number}: is empty"):
        read_photo(f"/dev/fd/{number}")
    os.close(number)
    with pytest.raises(InputError, match="no such file"):
        read_photo(f"/dev/fd/{number}")
    before = os.dup(0)
    try:
        number = pipe()
        os.dup2(number, 0)
        os.close(number)
        shows("-", COLORS)
        os.close(0)
        with pytest.raises(InputError, match="-: cannot be read"):
            read_photo("-")
    finally:
        os.dup2(before, 0)
        os.close(before)
    os.mkfifo(tmp_path / "fifo")
    threading.Thread(target=(tmp_path / "fifo").write_bytes, args=(data,)).start()
    shows(tmp_path / "fifo", COLORS)


def test_what_is_no_file_is_named(tmp_path, monkeypatch):
    (tmp_path / "loop.jpg").symlink_to("loop.jpg")
    (tmp_path / "lost.jpg").symlink_to("nowhere.jpg")
    for path, message in {
        tmp_path / "loop.jpg": "a symbolic link that leads nowhere",
        tmp_path / "lost.jpg": r"leads nowhere \(nowhere.jpg\)",
        tmp_path: "is a folder",
        "/dev/null": "is a device",
        "https://example.org/a.jpg": "https://example.org/a.jpg: an address",
        tmp_path / ("x" * 300): "cannot be read .File name too long",
        "a\0b.jpg": "no such file",
    }.items():
        with pytest.raises(InputError, match=message):
            read_photo(path)


def test_heic_photos(tmp_path, monkeypatch):
    heif = pytest.importorskip("pillow_heif")
    path = tmp_path / "a.heic"
    heif.from_pillow(Image.fromarray(COLORS).resize((120, 80))).save(path, quality=95)
    expected = np.asarray(Image.fromarray(COLORS).resize((120, 80))).astype(int)
    assert np.abs(read_photo(path) - expected).mean() < 6
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(InputError, match="a damaged HEIC photo"):
        read_photo(path)


def test_absent_pillow_heif_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr("common.images.decoding.reads_heic", lambda: False)
    for name, data in (("a.heic", b"\0\0\0\x18ftypheic"), ("b.jpg", b"\0\0\0\x18ftypmif1")):
        (tmp_path / name).write_bytes(data + bytes(40))
        with pytest.raises(InputError, match=r"HEIC photo; pip install 'samnet\[heic\]'"):
            read_photo(tmp_path / name)
