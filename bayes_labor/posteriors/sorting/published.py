"""What the paper on sorting over the business cycle prints in its Table 2."""

PARAMETERS = {"psi": 0.4022, "tau": 0.3984, "lambda_theta": 2.6160, "lambda_x": 0.8681, "s_l": 0.2293}
"""Panel A."""

MOMENTS = (0.6102, 0.7666, 0.8906, 0.0840, 0.0090)
"""Panel B, column model. The parameters above do not give them under any reading of the paper that was tried."""
