/** The version of the API and of the program that serves it. */
export const VERSION = '1.0.0';
