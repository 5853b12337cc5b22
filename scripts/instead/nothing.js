/** In place of what is loaded and never used. */
export {};
