"""Runs, times and profiles artifacts on Android devices through adb."""
