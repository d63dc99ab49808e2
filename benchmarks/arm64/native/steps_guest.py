"""Runs a .tflite whose steps are outputs on frames and keeps them all; needs LiteRT and NumPy.

steps_guest.py MODEL FRAMES.npy STEPS.npz   entries ``PHOTO_TENSOR``
"""

import sys

import numpy as np
from ai_edge_litert.interpreter import Interpreter

interpreter = Interpreter(sys.argv[1], num_threads=1)
interpreter.allocate_tensors()
photo = interpreter.get_input_details()[0]["index"]
steps = {}
for number, frame in enumerate(np.load(sys.argv[2])):
    interpreter.set_tensor(photo, frame[None])
    interpreter.invoke()
    for it in interpreter.get_output_details():
        steps[f"{number}_{it['index']}"] = interpreter.get_tensor(it["index"])
np.savez(sys.argv[3], **steps)
