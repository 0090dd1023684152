// What every module uses of Preact, from the one vetted file.
export { html, render, createContext } from '../vendor/preact.js';
export { useState, useEffect, useRef, useMemo, useCallback, useContext, useLayoutEffect } from '../vendor/preact.js';
