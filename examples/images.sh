#!/bin/sh
# images.sh - ten classes of images, from the files that the data set comes as to a report.
#
# Fashion-MNIST (Xiao, Rasul, Vollgraf, 2017; MIT licence; Debian's dataset-fashion-mnist): 60,000 images to
# train on, 10,000 to measure. Writes to the current folder; look at images.html in a browser.
set -eu
images=${FASHION_MNIST:-/usr/share/datasets/fashion-mnist}

linnet train "$images/train-images-idx3-ubyte.gz" --labels "$images/train-labels-idx1-ubyte.gz" \
    --classes 'T-shirt/top,Trouser,Pullover,Dress,Coat,Sandal,Shirt,Sneaker,Bag,Ankle boot' \
    --val-fraction 0.1 --standardize --epochs 6 --patience 2 --batch-size 128 \
    --optim 'AdamW(lr=0.0005)' --loss 'CrossEntropyLoss(label_smoothing=0.05)' \
    --schedule 'CosineAnnealingLR(T_max=epochs)' --history images.jsonl -o images.safetensors --model \
    'Sequential(Flatten(), Dropout(0.2), Linear(784, 512), BatchNorm1d(512), GELU(), Dropout(0.4), Linear(512, classes))'

linnet eval images.safetensors "$images/t10k-images-idx3-ubyte.gz" --labels "$images/t10k-labels-idx1-ubyte.gz"

linnet report images.safetensors "$images/t10k-images-idx3-ubyte.gz" --labels "$images/t10k-labels-idx1-ubyte.gz" \
    --history images.jsonl -o images.html
