"""Ridge regression over scikit-learn's diabetes data: twenty strengths of regularisation, a model for each.

Runs as it is (`python train.py`) and under Turnout, which records `alpha` and `mse` and keeps the models.
"""

import argparse
import os

import joblib
import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Ridge
from sklearn.metrics import mean_squared_error
from sklearn.model_selection import train_test_split

from turnout import Run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--alphas", type=int, default=20, help="how many strengths to try, 0.05 apart from 0")
    options = parser.parse_args()

    run = Run.get_context()
    os.makedirs("outputs", exist_ok=True)

    features, target = load_diabetes(return_X_y=True)
    train_x, test_x, train_y, test_y = train_test_split(features, target, test_size=0.2, random_state=0)

    for alpha in np.arange(options.alphas) * 0.05:
        model = Ridge(alpha=alpha).fit(train_x, train_y)
        mse = mean_squared_error(test_y, model.predict(test_x))
        run.log("alpha", alpha)
        run.log("mse", mse)
        joblib.dump(model, f"outputs/ridge_{alpha:.2f}.pkl")
        print(f"alpha {alpha:.2f}   mse {mse:.2f}")


if __name__ == "__main__":
    main()
