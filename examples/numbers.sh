#!/bin/sh
# numbers.sh - regression: how far a disease goes in a year, from ten measurements of a patient.
#
# The 442 patients of tests/cli/data/diabetes.csv (Efron, Hastie, Johnstone and Tibshirani 2004). Writes to
# the current folder.
set -eu
data=$(dirname "$(realpath "$0")")/../tests/cli/data/diabetes.csv

linnet train "$data" --y progression --val-fraction 0.25 --seed 1 --standardize --epochs 60 --patience 10 \
    -o disease.safetensors --loss 'SmoothL1Loss(beta=20)' --optim 'Adam(lr=0.02)' \
    --model 'Sequential(Linear(10, 32), ReLU(), Linear(32, 1))'

linnet eval disease.safetensors "$data" --y progression
linnet predict disease.safetensors "$data" --y progression | head -3
