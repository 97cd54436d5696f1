def get_alphas():
    return [0.0, 0.5, 1.0]
