"""The pages: landing, explorer, time series. They ask the data half by its public APIs only."""
