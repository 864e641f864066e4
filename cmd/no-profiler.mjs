/**
 * Stands in for the profiler of secretlint, in the build and in the tests. The real one times each rule on each file and
 * looks through all earlier times whenever one ends: with the square of the files, and nobody reads them. 600 small files
 * take seconds with it.
 */
export const secretLintProfiler = { mark() {} };
