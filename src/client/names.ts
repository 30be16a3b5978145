import type { CollectionSpec } from '../object/spec.ts';
import { LoadError } from './errors.ts';
import type { LoadOptions } from './load.ts';

type Kind = 'program' | 'map' | 'variable';

/** @throws LoadError that lists the names there are. */
export function named<T>(all: ReadonlyMap<string, T>, name: string, file: string, kind: Kind): T {
  const found = all.get(name);
  if (found !== undefined) return found;
  throw noSuch(all, name, file, kind);
}

function noSuch(
  all: ReadonlyMap<string, unknown>,
  name: string,
  file: string,
  kind: Kind,
): LoadError {
  const names = [...all.keys()].join(', ') || 'none';
  return new LoadError(
    { file, kind, subject: name },
    `there is no such ${kind}; there are: ${names}`,
  );
}

/** A misspelt name in the options would otherwise do nothing at all. */
export function checkNames(spec: CollectionSpec, { variables, maps, programs }: LoadOptions): void {
  const check = (
    given: object | undefined,
    all: ReadonlyMap<string, unknown>,
    kind: Kind,
  ): void => {
    for (const name of Object.keys(given ?? {}))
      if (!all.has(name)) throw noSuch(all, name, spec.file, kind);
  };
  check(variables, spec.variables, 'variable');
  check(maps, spec.maps, 'map');
  check(programs, spec.programs, 'program');
}
