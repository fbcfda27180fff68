#!/bin/sh
# labels.sh - several labels a row: which debtags a Debian package has, from what it depends on.
#
# The 600 packages of tests/cli/data/packages.csv: 35 columns of features, six of labels, each 0 or 1. Writes
# to the current folder.
set -eu
data=$(dirname "$(realpath "$0")")/../tests/cli/data/packages.csv
tags=implemented-in::c,implemented-in::c++,implemented-in::perl,implemented-in::python,interface::x11,role::shared-lib

# Rare labels get a weight of their own (pos_weight).
linnet train "$data" --y "$tags" --val-fraction 0.25 --seed 1 --epochs 30 --patience 5 -o tags.safetensors \
    --loss 'BCEWithLogitsLoss(pos_weight=[1, 1, 3, 3, 2, 1])' --optim 'AdamW(lr=0.01)' \
    --model 'Sequential(Linear(35, 32), ReLU(), Dropout(0.2), Linear(32, classes))'

linnet eval tags.safetensors "$data" --y "$tags"
linnet predict tags.safetensors "$data" --y "$tags" --format jsonl | head -2
