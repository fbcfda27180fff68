#!/bin/sh
# resume.sh - a training that is killed, twice, and ends in the same bytes as one that never was.
#
# On the 60,000 images of Fashion-MNIST. A checkpoint is written every 50 batches; --resume goes on from the
# one that is there, within the epoch. Writes to the current folder.
set -eu
images=${FASHION_MNIST:-/usr/share/datasets/fashion-mnist}

train() { # OUTPUT OPTION...: the shell that calls it becomes the training, so that $! is the training's number
    output=$1
    shift
    exec linnet train "$images/train-images-idx3-ubyte.gz" --labels "$images/train-labels-idx1-ubyte.gz" \
        --val-fraction 0.1 --scale 1/255 --epochs 3 --batch-size 256 --seed 7 \
        --optim 'SGD(lr=0.1, momentum=0.9)' \
        --schedule 'OneCycleLR(max_lr=0.1, epochs=epochs, steps_per_epoch=steps_per_epoch)' \
        --model 'Sequential(Flatten(), Linear(784, 256), ReLU(), Dropout(0.2), Linear(256, classes))' \
        -o "$output" "$@"
}

echo '== once without a stop'
(train whole.safetensors)

echo '== killed as soon as there is a checkpoint'
train stopped.safetensors --checkpoint run.pt --checkpoint-every 50 &
while [ ! -e run.pt ]; do sleep 0.05; done
kill -KILL $!
wait $! || true

echo '== resumed, and killed once more'
train stopped.safetensors --checkpoint run.pt --checkpoint-every 50 --resume run.pt &
sleep 1
kill -KILL $! || true # unless it has ended
wait $! || true

echo '== resumed to the end'
(train stopped.safetensors --checkpoint run.pt --checkpoint-every 50 --resume run.pt)
cmp whole.safetensors stopped.safetensors
echo 'the two models are the same bytes'
