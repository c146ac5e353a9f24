/** Formats that have no code of their own in the file. */
const isBuiltIn = (id: number): boolean =>
  (id >= 14 && id <= 22) || (id >= 27 && id <= 36) || (id >= 45 && id <= 47) || (id >= 50 && id <= 58);

/** Whether a format shows a number as a day or a time. @param code as the file has it, if it has one */
export function isDateFormat(id: number, code: string | undefined): boolean {
  if (code === undefined) return isBuiltIn(id);
  // Texts in quotes, single characters behind a backslash, colours and the like say nothing.
  const bare = code.replace(/"[^"]*"|\\.|\[(?!h+\]|m+\]|s+\])[^\]]*\]|_./gi, '');
  return /[ymdhs]/i.test(bare) && !/General/i.test(bare);
}
