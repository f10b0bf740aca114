"""An exchange's matching core: pure, on a clock given from outside."""
