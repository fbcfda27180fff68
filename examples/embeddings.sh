#!/bin/sh
# embeddings.sh - the classifier head that people put on embeddings, on 1536 numbers a row.
#
# No network that makes embeddings lies in a Debian package, so this makes one: it trains on the 60,000
# images of Fashion-MNIST, and the layer before its last one is the embedding. The head is then trained on
# the embeddings of 8,000 other images and measured on 2,000 more. With embeddings of your own, begin at
# step 3. Writes to the current folder.
set -eu
images=${FASHION_MNIST:-/usr/share/datasets/fashion-mnist}

echo '== 1. a network whose first part becomes the embedding'
linnet train "$images/train-images-idx3-ubyte.gz" --labels "$images/train-labels-idx1-ubyte.gz" \
    --scale 1/255 --epochs 2 --batch-size 256 -o whole.safetensors --model \
    'Sequential(Sequential(Flatten(), Linear(784, 1536), ReLU()), Sequential(Dropout(0.5), Linear(1536, classes)))'

echo '== 2. its first part alone, and what that makes of 10,000 images: an .npy file of (10000, 1536)'
# With MSELoss the outputs are numbers: predict writes them as they are, without a softmax.
linnet convert whole.safetensors body.safetensors --prefix 0. --scale 1/255 --loss 'MSELoss()' \
    --model 'Sequential(Flatten(), Linear(784, 1536), ReLU())'
linnet predict body.safetensors "$images/t10k-images-idx3-ubyte.gz" -o embeddings.npy

echo '== 3. the head, as it stands in a PyTorch script'
cat > classifier.txt << 'TEXT'
self.classifier = torch.nn.Sequential(
    torch.nn.Dropout(0.5),
    torch.nn.Linear(1536, 1024),
    torch.nn.ReLU(inplace=True),
    torch.nn.Dropout(0.5),
    torch.nn.Linear(1024, 1024),
    torch.nn.ReLU(inplace=True),
    torch.nn.Linear(1024, classes),
)
TEXT
linnet train embeddings.npy --labels "$images/t10k-labels-idx1-ubyte.gz" --val-fraction 0.2 --standardize \
    --epochs 6 --batch-size 128 --optim 'AdamW(lr=0.0003, weight_decay=0.01)' \
    --schedule 'CosineAnnealingLR(T_max=epochs)' --model classifier.txt -o head.safetensors \
    --report head.html

echo '== 4. what it says of three rows'
linnet predict head.safetensors embeddings.npy --top-k 2 -o - | head -4

echo '== 5. and on to PyTorch, and to ONNX Runtime'
linnet convert head.safetensors head.pt
linnet convert head.safetensors head.onnx
