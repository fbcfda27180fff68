#!/bin/sh
# sweep.sh - eight heads trained on the same batches, read once; the best one is kept.
#
# On the 60,000 images of Fashion-MNIST: two learning rates, two sizes, two amounts of dropout. Writes to the
# current folder.
set -eu
images=${FASHION_MNIST:-/usr/share/datasets/fashion-mnist}

linnet sweep "$images/train-images-idx3-ubyte.gz" --labels "$images/train-labels-idx1-ubyte.gz" \
    --val-fraction 0.1 --scale 1/255 --epochs 3 --batch-size 256 -o best.safetensors \
    --model 'Sequential(Flatten(), Linear(784, width), ReLU(), Dropout(p), Linear(width, classes))' \
    --optim 'Adam(lr=lr)' --try lr=1e-3,3e-4 --try width=64,128 --try p=0,0.3

linnet eval best.safetensors "$images/t10k-images-idx3-ubyte.gz" --labels "$images/t10k-labels-idx1-ubyte.gz" |
    head -4
