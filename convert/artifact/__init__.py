"""Writes artifacts of any format: conversion, checks and names."""
