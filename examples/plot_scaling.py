"""
Why scaling matters, and why you need no scaler
===============================================

x
"""

import matplotlib.pyplot as plt

plt.plot([1, 2])
