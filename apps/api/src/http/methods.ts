import { type Application, type Request } from 'express';

interface Layer {
  route?: { path: string; methods: Record<string, boolean> };
  match(path: string): boolean;
}

/** The methods that some route has for the path of this request, in upper case; none when the path is unknown. */
export function allowedMethods(req: Request): string[] {
  const methods = new Set<string>();
  for (const layer of (req.app as Application).router.stack as unknown as Layer[]) {
    // Middleware is mounted on wildcards, for every method there is.
    if (layer.route && !layer.route.path.includes('*') && matches(layer, req.path)) {
      for (const method of Object.keys(layer.route.methods)) methods.add(method.toUpperCase());
    }
  }
  if (methods.has('GET')) methods.add('HEAD');
  return [...methods].sort();
}

function matches(layer: Layer, path: string): boolean {
  try {
    return layer.match(path);
  } catch {
    return false; // a path that cannot be decoded belongs to nobody
  }
}
