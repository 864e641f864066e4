#!/bin/sh
wc -l "$@"
