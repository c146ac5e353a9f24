/** What a change stream says that an update did. */
export interface UpdateDescription {
  updatedFields?: Record<string, unknown>;
  removedFields?: string[];
  truncatedArrays?: { field: string; newSize: number }[];
}

type Container = Record<string, unknown>;

/** Does to a copy of a document what an update did to the stored one. Arrays are cut before they are filled. */
export function applyUpdate(document: object, update: UpdateDescription): void {
  for (const { field, newSize } of update.truncatedArrays ?? []) {
    const { holder, key } = locate(document, field);
    (holder[key] as unknown[]).length = newSize;
  }
  for (const [path, value] of Object.entries(update.updatedFields ?? {})) {
    const { holder, key } = locate(document, path);
    holder[key] = value;
  }
  for (const path of update.removedFields ?? []) {
    const { holder, key } = locate(document, path);
    delete holder[key];
  }
}

function locate(document: object, path: string): { holder: Container; key: string } {
  const steps = path.split('.');
  const key = steps.pop()!;
  let holder = document as Container;
  for (const step of steps) holder = (holder[step] ??= {}) as Container;
  return { holder, key };
}
