"""From a specification to objects in the cluster, or to a sentence that says why not."""
