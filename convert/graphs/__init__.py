"""Operations of programs and artifacts in one representation for all formats."""
