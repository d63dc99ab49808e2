"""The efficient systems that the paper compares SAMNet with (Tables II and III), by name.

Classification networks have SAMNet's decoder and heads; segmentation networks have their own
decoder with a sigmoid head in place of the softmax.
"""

from samnet.networks.baselines.bisenet import BISENET_R18, BISENET_X39
from samnet.networks.baselines.dfanet import DFANET
from samnet.networks.baselines.icnet import ICNET
from samnet.networks.baselines.mobilenet import MOBILENET
from samnet.networks.baselines.mobilenetv2 import MOBILENETV2
from samnet.networks.baselines.shufflenet import SHUFFLENET
from samnet.networks.baselines.shufflenetv2 import SHUFFLENETV2

ARCHITECTURES = {
    "mobilenet": MOBILENET,
    "mobilenetv2": MOBILENETV2,
    "shufflenet": SHUFFLENET,
    "shufflenetv2": SHUFFLENETV2,
    "icnet": ICNET,
    "bisenet_r18": BISENET_R18,
    "bisenet_x39": BISENET_X39,
    "dfanet": DFANET,
}
