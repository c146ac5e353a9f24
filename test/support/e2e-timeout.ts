// End-to-end stories start processes and wait for runs; a hanging one still ends with the process output shown.
jest.setTimeout(180_000);
