# The files of data sets against their captions; one job for all models that embed captions.


rule score_captions:
    input:
        **CAPTIONED,
        decisions=DECISIONS,
    output:
        scores=with_csv("clap_score", "clap_score"),
        file_values=CAPTION_VALUES,
    log:
        f"{LOGS}/score_captions.log",
    conda:
        "../../envs/core.yaml"
    threads: THREADS
    resources:
        **request(captions_mb, minutes=60, gpu=GPUS),
    params:
        **CAPTION_SCORES,
    script:
        "../../scripts/score_captions.py"
