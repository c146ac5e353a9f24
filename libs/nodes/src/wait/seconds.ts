/** A year and a day: longer is a typo, and still far from what a Date can hold. */
const MAX_SECONDS = 366 * 24 * 3600;

/** JSON Schema of a time to sleep. What a template gives is checked against it too, before the node executes. */
export const secondsSchema = (description: string): object => ({
  description,
  type: 'number',
  minimum: 0,
  maximum: MAX_SECONDS,
});

/** Whole milliseconds of a number that fits `secondsSchema`, never less than was asked for. */
export const milliseconds = (seconds: unknown): number => Math.ceil(Number(seconds) * 1000);
