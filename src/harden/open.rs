//! What stays open on MinIO whatever policies say.

/// A way around Object Lock that policies do not close.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Open {
    /// Its ids.
    pub id: &'static str,
    /// What can be done, and by whom.
    pub what: &'static str,
    /// The scenarios that try it.
    pub scenarios: &'static str,
    /// Whether the proxy refuses it.
    pub proxy: bool,
}

/// All of them. Run on MinIO's last public commit; `docs/hardening.md` has what the proxy came to in a test.
pub const OPEN: [Open; 14] = [
    Open {
        id: "A3, A3b",
        what: "whoever may read and write replaces or unlocks any locked version by a copy onto its version id; closed \
               by a policy only if the application copies nothing (--no-copies)",
        scenarios: "WORM-303, WORM-304",
        proxy: true,
    },
    Open {
        id: "A4, A5",
        what: "whoever may s3:PutObject replaces any locked version by a multipart upload to its version id, \
               also one that was begun before the lock",
        scenarios: "WORM-305, WORM-306, MINIO-A4",
        proxy: true,
    },
    Open {
        id: "A7, A8",
        what: "whoever may s3:PutObject replaces a locked version by a form, or stores an object that the bucket's \
               default does not lock",
        scenarios: "WORM-308, WORM-708, MINIO-D1",
        proxy: true,
    },
    Open {
        id: "A9, A9b, A9c",
        what: "whoever may s3:PutObject replaces the bytes of a GOVERNANCE version by a write to its version id; with \
               s3:PutObjectRetention also shortens it",
        scenarios: "WORM-309 to WORM-313",
        proxy: true,
    },
    Open {
        id: "A14",
        what: "whoever may s3:PutObjectRetention (an application that sends lock headers) stores an object under a date in \
               the past, as replication",
        scenarios: "WORM-316",
        proxy: true,
    },
    Open {
        id: "A18",
        what: "condition keys are taken from headers that the sender adds, so no condition of a policy holds",
        scenarios: "MINIO-A18, MINIO-A18B",
        proxy: true,
    },
    Open {
        id: "A1, A2, A6, A10, A11, A14 as root",
        what: "no policy binds the root key: replication headers, archives, a bucket made over itself, past dates",
        scenarios: "WORM-301, WORM-302, WORM-307, WORM-316, WORM-725",
        proxy: true,
    },
    Open {
        id: "A12, A13, A13b, A16 as root",
        what: "administration: jobs that expire everything, site replication, imported bucket metadata",
        scenarios: "MINIO-A12, MINIO-A13, MINIO-A13B, MINIO-A16",
        proxy: true,
    },
    Open {
        id: "A17",
        what: "an archive with a wrong signature is unpacked for whoever knows the access key id of root, or of a user who \
               may s3:PutObject; no secret is needed",
        scenarios: "MINIO-A17",
        proxy: true,
    },
    Open {
        id: "A11",
        what: "a batch of deletions removes a locked object whose key ends in a slash; its list is in the body, where a \
               proxy does not look. Refusing to store such keys is what helps",
        scenarios: "WORM-314, MINIO-A11",
        proxy: false,
    },
    Open {
        id: "GOV-03",
        what: "whoever may s3:PutObjectRetention shortens or removes GOVERNANCE with the bypass header, although the bypass \
               is denied to it: an application that sends lock headers, an administrator",
        scenarios: "WORM-506",
        proxy: true,
    },
    Open {
        id: "nearer dates",
        what: "an application that sends lock headers may send a nearer date or GOVERNANCE; a scan finds it afterwards",
        scenarios: "WORM-740 to WORM-742",
        proxy: false,
    },
    Open {
        id: "A15",
        what: "time: whoever sets the machine's clock, or answers for the server in MINIO_NTP_SERVER, ends every retention",
        scenarios: "none: it would reach the machine",
        proxy: false,
    },
    Open {
        id: "the machine",
        what: "whoever reaches MinIO's port around the proxy, its console, its directories or its disks",
        scenarios: "none",
        proxy: false,
    },
];
